"""Views in, files and formats out."""
