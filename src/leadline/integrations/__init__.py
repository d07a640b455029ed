"""Translations of leadline's rewards and advantages into other people's trainers."""
