"""What a vote at the review desk costs: ten people at once, on a new review and on a full one."""
