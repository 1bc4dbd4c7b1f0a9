"""Data sets of images: bundled, in the format of MNIST, or in a folder of the user."""
