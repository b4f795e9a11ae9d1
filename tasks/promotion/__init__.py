"""Promotion: decide by rules whether tonight's challenger becomes champion, and move the alias."""
