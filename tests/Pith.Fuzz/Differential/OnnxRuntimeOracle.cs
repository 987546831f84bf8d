using Pith.Cli.Peers;
using Pith.Ops;
using Pith.TestKit;

namespace Pith.Fuzz.Differential;

/// <summary>ONNX Runtime with its optimisations off: an implementation that shares nothing with Pith. Absent where its package has no library for the machine.</summary>
internal static class OnnxRuntimeOracle
{
    private static readonly Lazy<OnnxRuntime?> s_runtime = new(() => OnnxRuntimePackage.Library is { } library ? OnnxRuntime.Load(library) : null);

    public static bool IsThere => s_runtime.Value is not null;

    /// <summary>Where ONNX Runtime 1.31 does not do what the ONNX text and its node tests say.</summary>
    public static bool DiffersOnPurpose(Node node) => node.Op switch
    {
        // It forgets the dilation when it computes the padding.
        MaxPool { Window: var window } => IsSame(window) && window.Dilations.Count > 0,
        AveragePool { Window: var window } => IsSame(window) && window.Dilations.Count > 0,
        // It rounds the size before it computes coordinates from it (node test resize_downsample_scales_linear_align_corners).
        Resize { Coordinates: ResizeCoordinates.AlignCorners } => true,
        // It slides the sum of squares from channel to channel, adding one and subtracting one: what is left of a large one stays in the sums of its neighbours.
        Lrn => true,
        // It has few kernels of half precision: it computes in single precision then, and leaves out the casts in between.
        not Cast when node.Outputs.Any(output => output.Type.DataType == DataType.Float16) => true,
        _ => false,
    };

    private static bool IsSame(WindowAttributes window) => window.AutoPad is AutoPad.SameLower or AutoPad.SameUpper;

    /// <summary>The outputs of the model in a file; null when ONNX Runtime does not take the model.</summary>
    public static Tensor?[]? Run(string model, int batch, int outputs, Tensor input)
    {
        try
        {
            using var session = new OnnxRuntimeSession(s_runtime.Value!, model, batch, threads: 1, literal: true);
            if (input is Tensor<byte> bytes) session.SetInput<byte>(0, bytes.Span);
            else session.SetInput<float>(0, input.As<float>().Span);
            session.Run();
            return [.. Enumerable.Range(0, outputs).Select(session.Output)];
        }
        catch (PithException)
        {
            // It has not every op for every type.
            return null;
        }
    }
}
