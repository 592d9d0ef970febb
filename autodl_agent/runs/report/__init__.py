"""What a run looks like: `report.html` while it goes on and when it is over, the learning curve as a PNG file."""
