"""Serial consoles under control: always listened to, logged, watched by many and written by one."""
