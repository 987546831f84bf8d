namespace Pith.Compression.Data;

/// <summary>One of the inputs that a sample holds by name.</summary>
/// <param name="Name">The name of the network's input that it is for.</param>
/// <param name="Shape">Its shape without the batch: [T] for token ids and for their mask.</param>
public sealed record SampleInput(string Name, Shape Shape);
