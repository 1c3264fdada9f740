"""The report as one HTML file that loads nothing: template, style and script from here, plotly.js from its package.

Needs the extra `report`: nothing but the command itself imports `rendering`.
"""
