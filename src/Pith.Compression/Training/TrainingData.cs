using Pith.Compression.Data;

namespace Pith.Compression.Training;

/// <summary>What a network is trained on.</summary>
/// <param name="Train">The images to learn from.</param>
/// <param name="Validation">The images to choose between epochs on; null when <see cref="TrainingSettings.Validation"/> is none. Never the test images.</param>
/// <param name="Preprocessing">How images become the network's input.</param>
internal sealed record TrainingData(ImageDataset Train, ImageDataset? Validation, Preprocessing Preprocessing);
