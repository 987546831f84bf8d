namespace Pith;

/// <summary>A quad of weights that has more than two non-zeros. Indices are those of the <see cref="ReductionLayout"/>.</summary>
/// <param name="Outer">The index before the reduction axis; the output channel k of a Conv.</param>
/// <param name="Reduction">The index of the quad's first weight along the reduction axis; the input channel c of a Conv.</param>
/// <param name="Inner">The index after the reduction axis; <c>r * S + s</c> of a Conv.</param>
/// <param name="NonZeros">3 or 4.</param>
public readonly record struct Violation24(int Outer, int Reduction, int Inner, int NonZeros)
{
    /// <summary>Where and how many, for messages.</summary>
    public override string ToString() => $"{NonZeros} non-zeros in the four weights from [{Outer}, {Reduction}, {Inner}]";
}
