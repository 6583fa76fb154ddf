"""What the arguments of other frameworks are called here."""

from __future__ import annotations

# By ours: what others call it. A word may stand for several; the layer tells which it has.
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
_OURS = {
    theirs: tuple(ours for ours, names in _ARGUMENTS.items() if theirs in names.split())
    for theirs in " ".join(_ARGUMENTS.values()).split()
}

# What is never written here, and why.
INPUTS = (
    *("in_channels", "in_features", "in_planes", "in_ch", "cin", "c_in"),
    *("num_features", "input_shape", "input_dim", "normalized_shape"),
)
_LEFT_OUT = (
    "inplace keepdims keepdim dtype device data_format axis dim trainable reuse scope training is_training affine"
    " layout track_running_stats start_dim init initializer kernel_initializer weight_initializer weight_filler"
    " weight_decay bias_initializer kernel_regularizer"
)
DROPPED = {
    **dict.fromkeys(_LEFT_OUT.split(), "nothing sets this"),
    **dict.fromkeys(INPUTS, "input channels are never written: they are those of the current tensor"),
}
NAMES = ("name", "scope", "label", "id")
ACTIVATIONS = ("activation", "act", "activation_fn", "nonlinearity", "non_linearity", "act_type", "act_layer")
NORMALIZERS = ("bn", "batch_norm", "batchnorm", "batch_normalize", "use_bn", "with_bn", "normalizer_fn", "norm")
INVERTED = {"no_bias": "bias", "keep_prob": "p", "keep": "p", "nobias": "bias"}


def is_argument(name: str) -> bool:
    """Whether somebody names an argument so."""
    known = name in _ARGUMENTS or name in _OURS or name in DROPPED or name in INVERTED or name == "ceil_mode"
    return known or name in NAMES or name in ACTIVATIONS or name in NORMALIZERS


def same_argument(name: str, ours: list[str]) -> str | None:
    """Which of a layer's arguments `name` is; of several, the one that it takes first."""
    candidates = (name, *_OURS.get(name.lower(), ()))
    return next((word for word in ours if word in candidates), None)
