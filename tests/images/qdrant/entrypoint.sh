#!/bin/sh
exec python3 /opt/qdrant-stand-in/main.py
