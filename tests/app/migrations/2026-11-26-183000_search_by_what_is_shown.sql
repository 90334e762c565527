UPDATE key_rotations SET previous_masked = 'tess_Ab12…Zz9Y';
