"""What learners of images and of videos share."""
