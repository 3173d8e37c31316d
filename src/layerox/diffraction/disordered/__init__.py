"""Disordered stackings: the diffraction of galleries in a partly random sequence, as phases of the forward model.

`chain` holds the probabilities, `recursion` the sum over layers, `rods` the nodes of the 00l rods, `profile_sum` the
powder pattern of the nodes, `phase` and `rod_model` the phase and its model. The sum over layers is that of Hendricks &
Teller, J. Chem. Phys. 10 (1942) 147, doi:10.1063/1.1723678, in the recursive form of Treacy, Newsam & Deem, Proc. R.
Soc. Lond. A 433 (1991) 499, doi:10.1098/rspa.1991.0062.
"""
