"""What the arguments of other frameworks are called here."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.habits.values import lower

# For every layer that has such an argument; a layer's own meaning stands in `_OF_LAYER`.
_ARGUMENTS = {
    "kernel": "kernel_size ksize k ks size kernel_shape filter_size window window_shape pool_size kernelsize",
    "filters": "out_channels num_filters num_filter num_output num_outputs n_filters nb_filter nb_filters"
    " out_planes planes channels features out_ch cout nf n out output_channels filter dim width",
    "features": "units out_features num_output num_outputs num_hidden output_dim output_size n out size classes"
    " num_classes hidden nodes neurons out_channels filters",
    "stride": "strides s step steps subsample",
    "pad": "padding pads p pad_size",
    "dilation": "dilations dilation_rate rate dilate d atrous_rate hole dilation_factor",
    "groups": "group num_groups num_group g n_groups feature_group_count cardinality",
    "bias": "use_bias bias_term has_bias with_bias",
    "slope": "negative_slope alpha leak",
    "alpha": "negative_slope",
    "p": "rate prob ratio dropout_ratio drop_prob drop_rate dropout_rate probability dropout",
    "scale": "scale_factor size factor stride times by",
    "mode": "interpolation method upsample_type",
    "eps": "epsilon variance_epsilon",
    "pad_mode": "padding_mode",
    "momentum": "",
    "round": "",
    "multiplier": "depth_multiplier channel_multiplier depthwise_multiplier",
    "size": "output_size local_size nsize output_shape",
    "output_pad": "output_padding adj",
    "shortcut": "skip downsample",
    "count": "n times number num",
}
_OF_NAME = {
    theirs: tuple(ours for ours, names in _ARGUMENTS.items() if theirs in names.split())
    for names in _ARGUMENTS.values()
    for theirs in names.split()
}

# What is never written here, and why.
DROPPED = {
    **dict.fromkeys(
        [
            "in_channels",
            "in_features",
            "in_planes",
            "in_ch",
            "cin",
            "c_in",
            "num_features",
            "input_shape",
            "input_dim",
            "normalized_shape",
        ],
        "input channels are never written: they are those of the current tensor",
    ),
    **dict.fromkeys(
        [
            "inplace",
            "keepdims",
            "keepdim",
            "dtype",
            "device",
            "data_format",
            "axis",
            "dim",
            "trainable",
            "kernel_initializer",
            "weight_initializer",
            "weight_filler",
            "bias_initializer",
            "kernel_regularizer",
            "weight_decay",
            "init",
            "initializer",
            "reuse",
            "scope",
            "training",
            "is_training",
            "affine",
            "track_running_stats",
            "layout",
            "start_dim",
            "input_channels",
        ],
        "leave it out",
    ),
}
NAMES = ("name", "scope", "label", "id")
ACTIVATIONS = ("activation", "act", "activation_fn", "nonlinearity", "non_linearity", "act_type", "act_layer")
NORMALIZERS = ("bn", "batch_norm", "batchnorm", "batch_normalize", "use_bn", "with_bn", "normalizer_fn", "norm")
INVERTED = {"no_bias": "bias", "keep_prob": "p", "keep": "p", "nobias": "bias"}


def is_argument(name: str) -> bool:
    """Whether somebody names an argument so."""
    known = name in _ARGUMENTS or name in _OF_NAME or name in DROPPED or name in INVERTED or name == "ceil_mode"
    return known or name in NAMES or name in ACTIVATIONS or name in NORMALIZERS


def same_argument(name: str, ours: list[str]) -> str | None:
    """Which of our arguments `name` is, where these are those of the layer."""
    if name in ours:
        return name
    candidates = [word for word in _OF_NAME.get(lower(name), ()) if word in ours]
    return candidates[0] if len(candidates) == 1 else next(iter(_first(candidates, ours)), None)


def _first(candidates: list[str], ours: list[str]) -> Iterator[str]:
    """Of several, the one that the layer takes first: `n` is `filters`, `out` too."""
    return (word for word in ours if word in candidates)
