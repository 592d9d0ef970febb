"""Images, sounds and videos, decoded at the requested size."""
