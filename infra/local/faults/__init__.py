"""`make faults`: injects faults between the deployed functions and the local AWS, and checks every request's result."""
