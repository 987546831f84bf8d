namespace Pith.Building;

/// <summary>
/// A size along one axis of an engine's value: fixed, or a multiple of the batch. The number itself can only be read by saying which of both is meant: <see cref="Fixed"/> refuses a size
/// that grows, <see cref="At"/> asks for the batch.
/// </summary>
internal readonly record struct BatchSize
{
    // The size, or what the batch is multiplied by.
    private readonly int _factor;

    private BatchSize(int factor, bool grows) => (_factor, Grows) = (factor, grows);

    /// <summary>A size that is the same at every batch.</summary>
    public static BatchSize Of(int size) => new(size, false);

    /// <summary><paramref name="factor"/> for each image of the batch.</summary>
    public static BatchSize PerImage(int factor) => factor == 0 ? Of(0) : new(factor, true);

    /// <inheritdoc cref="Of"/>
    public static implicit operator BatchSize(int size) => Of(size);

    /// <summary>Whether the size is a multiple of the batch.</summary>
    public bool Grows { get; }

    /// <summary>Whether the size is 1 at every batch, so that the axis may be broadcast.</summary>
    public bool IsOne => this == Of(1);

    public bool IsZero => _factor == 0;

    /// <summary>The size, which must not grow.</summary>
    /// <exception cref="BatchDependentException">It grows with the batch.</exception>
    public int Fixed => Grows ? throw new BatchDependentException($"the size {this} grows with the batch") : _factor;

    /// <summary>The size at a batch.</summary>
    public int At(int batch) => Grows ? checked(_factor * batch) : _factor;

    public override string ToString() => !Grows ? $"{_factor}" : _factor == 1 ? "N" : $"{_factor}*N";
}

/// <summary>
/// Something asked for the fixed size of an axis that grows with the batch. <see cref="Fusion"/> and <see cref="Tactics.Tactic"/> take it as a refusal, so that code that knows fixed
/// sizes only can never run with those of another batch.
/// </summary>
internal sealed class BatchDependentException(string message) : InvalidOperationException(message);
