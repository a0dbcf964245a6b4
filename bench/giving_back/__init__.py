"""What a process holds after a peak of memory: measured, told and held against the bars."""
