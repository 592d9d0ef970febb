"""What the trained networks share: a Keras model behind one door, any-time training, batches, heads, the device."""
