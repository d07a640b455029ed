"""Where observations come from: leadline's runs, TRL's output directories, verl's rollouts; read, never written."""
