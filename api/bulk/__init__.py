"""Many files at once: a folder or archive into results (`hecha bulk`), a folder that is watched."""
