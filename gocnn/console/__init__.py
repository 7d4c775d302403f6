"""What the commands of every head share: output files, the device, standard streams, and how a head
makes its commands known."""
