"""Sleep stages from one EEG derivation, a stage for each 30 s, without looking ahead."""
