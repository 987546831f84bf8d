namespace Pith.Compression.Sparsity;

/// <summary>What decides which weights stay.</summary>
public enum PruningMethod
{
    /// <summary>The largest magnitudes; the weights that stay keep their values. Needs no images; fine-tuning repairs the network.</summary>
    Magnitude,

    /// <summary>The error of each layer's results on calibration images, as a quadratic form whose Hessian is the inputs' second moments (SparseGPT); the weights that stay, and biases, make up for those that go.</summary>
    Hessian,
}
