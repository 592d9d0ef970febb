"""Images, sounds and videos, decoded at the size that is asked for."""
