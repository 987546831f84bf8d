namespace Pith.Passes;

/// <summary>The ordered lists of passes. Order has meaning: the comment behind a pass says what must come before or after it.</summary>
public static class Pipelines
{
    /// <summary>Makes an imported graph small and regular without changing what it computes. The result can always be saved as ONNX again.</summary>
    public static IReadOnlyList<Pass> Simplify { get; } =
    [
        new ExpandFlatteningSoftmax(),
        new RemoveDeadNodes(), // last: earlier passes leave what they replaced behind
    ];
}
