namespace Pith.Ops;

/// <summary>What <see cref="Pad"/> puts outside of the operand.</summary>
public enum PadMode
{
    /// <summary>One value, 0 unless given.</summary>
    Constant,
    /// <summary>The nearest element.</summary>
    Edge,
    /// <summary>The operand mirrored at its first and last element, which are not repeated.</summary>
    Reflect,
    /// <summary>The operand repeated.</summary>
    Wrap,
}
