"""Lifting of whole libraries: every convolutional classifier of torchvision, and many families of timm."""
