"""Which models are lifted: all convolutional ones of torchvision that need an image alone, and timm's by family."""

from __future__ import annotations

from cnndsl.foreign.modules import foreign_names

# Transformers, models of several tensors or of videos, and those with quantized weights.
LEFT_OUT = ("vit_", "swin", "maxvit", "quantized_", "raft_", "mvit_", "s3d", "mc3_", "r3d_", "r2plus1d_")
SEGMENTATION = (
    *("fcn_resnet50", "fcn_resnet101"),
    *("deeplabv3_resnet50", "deeplabv3_resnet101", "deeplabv3_mobilenet_v3_large"),
)
DETECTION = ("rcnn", "retinanet", "ssd", "fcos", "lraspp")

TIMM = {
    "ConvFormer": ("convformer_s18",),
    "ConvMixer": ("convmixer_768_32",),
    "ConvNeXt": ("convnext_atto", "convnext_tiny"),
    "ConvNeXt V2": ("convnextv2_atto", "convnextv2_nano"),
    "CSPNet": ("cspresnet50", "cspdarknet53", "cs3darknet_s"),
    "CSPNeXt": ("cspnext_tiny",),
    "DarkNet": ("darknet53",),
    "DenseNet": ("densenet121", "densenetblur121d"),
    "DLA": ("dla34", "dla60_res2net"),
    "DPN": ("dpn68", "dpn92"),
    "ECA-ResNet": ("ecaresnet26t", "ecaresnet50d"),
    "EfficientNet": ("efficientnet_b0", "tf_efficientnet_b0", "tf_efficientnetv2_b0", "efficientnet_lite0"),
    "FasterNet": ("fasternet_t0",),
    "FastViT": ("fastvit_t8", "fastvit_s12"),
    "FBNet": ("fbnetc_100", "fbnetv3_b"),
    "GCNet": ("gcresnet33ts", "gcresnext26ts"),
    "GENet": ("gernet_s", "gernet_l"),
    "GhostNet": ("ghostnet_100", "ghostnetv2_100", "ghostnetv3_050"),
    "HardCoReNAS": ("hardcorenas_a", "hardcorenas_f"),
    "HGNet": ("hgnet_tiny", "hgnetv2_b0"),
    "HRNet": ("hrnet_w18_small", "hrnet_w18"),
    "Inception": ("inception_v3", "inception_v4", "inception_resnet_v2"),
    "InceptionNeXt": ("inception_next_atto",),
    "LCNet": ("lcnet_050", "lcnet_100"),
    "LCNet V2": ("lcnetv2_small",),
    "MambaOut": ("mambaout_femto",),
    "MixNet": ("mixnet_s", "mixnet_m"),
    "MNASNet": ("mnasnet_small", "semnasnet_075", "spnasnet_100"),
    "MobileNet": ("mobilenetv1_100", "mobilenetv2_100", "mobilenetv3_small_100", "tf_mobilenetv3_small_100"),
    "MobileNetV4": ("mobilenetv4_conv_small", "mobilenetv4_conv_medium"),
    "MobileOne": ("mobileone_s0", "mobileone_s4"),
    "NASNet": ("nasnetalarge", "pnasnet5large"),
    "NFNet": ("nf_resnet26", "nfnet_l0", "dm_nfnet_f0", "eca_nfnet_l0"),
    "PoolFormer": ("poolformer_s12", "poolformerv2_s12"),
    "RDNet": ("rdnet_tiny",),
    "RegNet": ("regnetx_002", "regnety_002", "regnetz_b16"),
    "RepGhost": ("repghostnet_050",),
    "RepVGG": ("repvgg_a0", "repvgg_b0"),
    "RepViT": ("repvit_m0_9",),
    "Res2Net": ("res2net50_14w_8s", "res2next50"),
    "ResNeSt": ("resnest14d", "resnest26d"),
    "ResNet": ("resnet10t", "resnet26d", "resnet50", "resnetblur50", "wide_resnet50_2", "resnext50_32x4d"),
    "ResNet V2": ("resnetv2_50", "resnetv2_50x1_bit"),
    "ReXNet": ("rexnet_100",),
    "SelecSLS": ("selecsls42", "selecsls60b"),
    "SENet": ("seresnet18", "legacy_seresnet18", "seresnext26t_32x4d"),
    "SKNet": ("skresnet18", "skresnext50_32x4d"),
    "StarNet": ("starnet_s1",),
    "TinyNet": ("tinynet_a", "tinynet_e"),
    "TResNet": ("tresnet_m",),
    "VGG": ("vgg11_bn", "vgg16"),
    "VoVNet": ("vovnet39a", "ese_vovnet19b_dw"),
    "Xception": ("legacy_xception", "xception41", "xception71"),
    "with attention": ("edgenext_xx_small", "halonet26t", "botnet26t_256", "focalnet_tiny_srf"),
}


def torchvision_models() -> list[str]:
    return [f"torchvision:{name}" for name in foreign_names("torchvision") if name in SEGMENTATION or _classifies(name)]


def _classifies(name: str) -> bool:
    return not name.startswith(LEFT_OUT) and not any(each in name for each in (*DETECTION, "deeplab", "fcn"))


def timm_models() -> list[str]:
    return [f"timm:{name}" for names in TIMM.values() for name in names]
