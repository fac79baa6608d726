"""Sleep spindles and slow waves, one by one."""
