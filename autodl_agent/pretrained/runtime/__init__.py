"""Pretrained networks, run by LiteRT."""
