"""Pictures with labels: folders with one for each class, FashionMNIST, CIFAR-10, and made-up ones."""
