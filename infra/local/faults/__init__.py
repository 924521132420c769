"""`make faults`: faults of AWS between the deployed functions and the local AWS, and what became of every request."""
