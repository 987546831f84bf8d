namespace Pith.Fuzz.Differential;

/// <summary>What engines refuse on purpose although the interpreter can run it. Every line is a decision, with its reason.</summary>
internal static class ListedRefusals
{
    private static readonly string[] s_messages =
    [
        // The old Softmax over several axes exists up to opset 12 only; simplifying writes it as reshapes.
        "cannot be written at opset",
        // Logarithms, roots and reciprocals of random numbers.
        "every value must be finite",
        // Random networks are steep.
        "diverged in epoch",
        // Trained is what has a gradient.
        "cannot be trained",
    ];

    public static bool Contain(string message) => s_messages.Any(listed => message.Contains(listed, StringComparison.Ordinal));
}
