"""What a snapshot of a heap costs: measured, told and held against the bars."""
