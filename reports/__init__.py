"Report templates; setup.py packages this folder as contact_kpis.templates."
