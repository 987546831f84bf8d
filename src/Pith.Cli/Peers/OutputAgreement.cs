using System.Globalization;

namespace Pith.Cli.Peers;

/// <summary>How far two networks agree on one input: a comparison of speed is worth nothing when they compute different things.</summary>
/// <param name="MaxDifference">The largest absolute difference between elements of the first output.</param>
/// <param name="LargestOutput">The largest magnitude in the first of the two, to judge the difference by.</param>
/// <param name="SameTop1">Images for which the index of the largest element is the same; null when the output has no classes.</param>
/// <param name="Images">Images compared.</param>
public sealed record OutputAgreement(double MaxDifference, double LargestOutput, int? SameTop1, int Images)
{
    /// <summary>Compares the first outputs; null when their sizes differ.</summary>
    /// <param name="output">[images, …].</param>
    /// <param name="other">[images, …], as many elements.</param>
    public static OutputAgreement? Of(Tensor<float> output, Tensor<float> other)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(other);
        if (output.Length != other.Length || output.Shape.Rank == 0) return null;
        var (difference, largest) = (0.0, 0.0);
        for (var i = 0; i < output.Data.Length; i++)
        {
            var distance = Math.Abs((double)output.Data[i] - other.Data[i]);
            // A NaN on one side must not look like agreement.
            if (double.IsNaN(distance) && !(float.IsNaN(output.Data[i]) && float.IsNaN(other.Data[i]))) difference = double.NaN;
            else if (distance > difference) difference = distance;
            largest = Math.Max(largest, Math.Abs((double)output.Data[i]));
        }
        var images = output.Shape[0];
        var classes = images == 0 ? 0 : (int)(output.Length / images);
        int? same = classes < 2 ? null : Enumerable.Range(0, images).Count(image => Top1(output, image, classes) == Top1(other, image, classes));
        return new OutputAgreement(difference, largest, same, images);
    }

    /// <summary>One sentence for people.</summary>
    public override string ToString()
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"largest difference {MaxDifference:0.######} beside elements up to {LargestOutput:0.###}");
        return SameTop1 is { } same ? $"{text}, same top-1 on {same} of {Images}" : text;
    }

    private static int Top1(Tensor<float> output, int image, int classes) => TopKAccuracy.ArgMax(output.Data.AsSpan(image * classes, classes));
}
