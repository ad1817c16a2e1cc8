"""Run a bundle on images: what MONAI Label, the cohort and the demo share."""
