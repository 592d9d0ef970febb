"""Foreign model files read, and TFLite files written."""
