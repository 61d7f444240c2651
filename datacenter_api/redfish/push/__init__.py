"""Events pushed to the destinations that clients subscribe (DSP0266 §13)."""
