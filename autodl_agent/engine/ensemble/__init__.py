"""From the members' held-out logits to one prediction."""
