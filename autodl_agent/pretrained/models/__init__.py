"""One pretrained model a module: weights in, a function or a Keras model out."""
