"""What an image is: voxels, where each one lies, and what its number measures. numpy only."""
