UPDATE organizations SET notes = 'Renews in May. Ask Ben.';
