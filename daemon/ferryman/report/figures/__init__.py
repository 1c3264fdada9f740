"""The report's plots, as figures for plotly.js: what is drawn, free of how a page looks. Pure."""
