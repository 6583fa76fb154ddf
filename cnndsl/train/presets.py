"""The recipes of the papers by name, with where each says so; what a paper leaves open is told."""

from __future__ import annotations

from typing import NamedTuple

from cnndsl.train.recipe import Recipe


class Preset(NamedTuple):
    recipe: Recipe
    source: str


PRESETS = {
    # Figures in lectures that give a weight decay of 1e-5 for ResNets differ from the paper.
    "resnet2015": Preset(
        Recipe(epochs=120, batch=256, lr=0.1, schedule="plateau", weight_decay=1e-4, augment="scale_crop"),
        "He et al. 2015, section 3.4: 60e4 steps are 120 epochs of ImageNet; how long a plateau is, is not said",
    ),
    "resnet2015_cifar": Preset(
        Recipe(epochs=164, batch=128, lr=0.1, schedule="steps", milestones=(0.5, 0.75), augment="shift_flip"),
        "He et al. 2015, section 4.2: 64,000 steps, divided at 32,000 and 48,000; 110 layers warm up first",
    ),
    "wide_resnet": Preset(
        Recipe(
            epochs=200,
            batch=128,
            lr=0.1,
            nesterov=True,
            weight_decay=5e-4,
            schedule="steps",
            milestones=(0.3, 0.6, 0.8),
            factor=0.2,
            augment="shift_flip",
        ),
        "Zagoruyko and Komodakis 2016, section 4: CIFAR, multiplied by 0.2 at 60, 120 and 160 of 200 epochs",
    ),
    "densenet": Preset(
        Recipe(
            epochs=300,
            batch=64,
            lr=0.1,
            nesterov=True,
            schedule="steps",
            milestones=(0.5, 0.75),
            augment="shift_flip",
        ),
        "Huang et al. 2017, section 4.2: CIFAR+, weight decay 1e-4, divided at half and three quarters",
    ),
    "fractalnet": Preset(
        Recipe(
            epochs=400,
            batch=100,
            lr=0.02,
            weight_decay=0.0,
            schedule="steps",
            milestones=(0.5, 0.75, 0.875, 0.9375),
            augment="shift_flip",
        ),
        "Larsson et al. 2017, section 4: CIFAR, divided whenever the epochs left halve; no weight decay is said",
    ),
    "stochastic_depth": Preset(
        Recipe(
            epochs=500,
            batch=128,
            lr=0.1,
            nesterov=True,
            schedule="steps",
            milestones=(0.5, 0.75),
            augment="shift_flip",
        ),
        "Huang et al. 2016, section 4: CIFAR, weight decay 1e-4, divided at 250 and 375 of 500 epochs",
    ),
    "squeezenet": Preset(
        Recipe(epochs=68, batch=512, lr=0.04, weight_decay=2e-4, schedule="linear", augment="resized_crop"),
        "Iandola et al. 2016 and their solver: 170,000 steps of 512, falling linearly; crops are as GoogLeNet's",
    ),
    "vgg": Preset(
        Recipe(epochs=74, batch=256, lr=0.01, weight_decay=5e-4, schedule="plateau", augment="scale_crop"),
        "Simonyan and Zisserman 2015, section 3.1: 370,000 steps, divided when held-out accuracy stops to rise",
    ),
}
RECIPES = {name: preset.recipe for name, preset in PRESETS.items()}
