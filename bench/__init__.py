"""Benchmarks of pyfdsr: headline ratios, peers, roofline, crossover figures and the asv suite."""
