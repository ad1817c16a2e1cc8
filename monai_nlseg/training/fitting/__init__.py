"""Run the trainings of a plan, choose what follows them, and measure the result."""
