using Pith.Ops;

namespace Pith;

/// <summary>Builds a network whose file fixes the height and width of its images for images of another size, where its ops leave that open.</summary>
public static class ImageResizing
{
    /// <summary>The axes of height and width of an image input: those of four dimensions, [N, C, H, W], or [N, H, W, C] when only the last can be the channels. Null for other inputs.</summary>
    public static (int Height, int Width)? Axes(TensorType type)
    {
        ArgumentNullException.ThrowIfNull(type);
        if (type.Rank != 4) return null;
        return IsChannels(type[3]) && !IsChannels(type[1]) ? (1, 2) : (2, 3);
    }

    /// <summary>
    /// A copy of <paramref name="network"/> in which all shapes are inferred anew for images of another size. What a file fixes follows: shapes of Reshape, sizes of Resize; pooling over a whole image stays so.
    /// Weights are shared with the network.
    /// </summary>
    /// <param name="network">A network; not changed. Its image inputs are those of the size of the first one.</param>
    /// <param name="height">Rows of the images.</param>
    /// <param name="width">Columns of the images.</param>
    /// <exception cref="PithException">It has no image input, or a layer is for one size only: a matrix product over all pixels, learned positions. The message names the first.</exception>
    public static Graph Resize(Graph network, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (network.Inputs.FirstOrDefault(input => Axes(input.Type) is not null) is not { } first) throw new PithException($"'{network.Name}' has no image input (four dimensions): it takes {SymbolSizes.Text([.. network.Inputs.Select(input => (input.Name, input.Type))])}.");
        var axes = Axes(first.Type)!.Value;
        try
        {
            return new SizedCloner(network, (first.Type[axes.Height], first.Type[axes.Width]), (height, width)).Run();
        }
        catch (PithException failure)
        {
            throw new PithException($"'{network.Name}' takes images of {first.Type[axes.Width]}x{first.Type[axes.Height]} only, not of {width}x{height}: {failure.Message}", failure);
        }
    }

    private static bool IsChannels(Dim dim) => dim.IsFixed && dim.Size is 1 or 3 or 4;

    private sealed class SizedCloner(Graph source, (Dim Height, Dim Width) from, (int Height, int Width) to) : GraphCloner(source)
    {
        protected override TensorType TypeOf(Value input)
        {
            var type = input.Type;
            if (Axes(type) is not { } axes || type[axes.Height] != from.Height || type[axes.Width] != from.Width) return type;
            var dims = type.Dims.ToArray();
            (dims[axes.Height], dims[axes.Width]) = (to.Height, to.Width);
            return type.With(ValueList.Create<Dim>(dims));
        }

        protected override Op OpOf(Node node, Value?[] inputs)
        {
            if (inputs.Length == 0 || inputs[0] is not { } x || node.Inputs[0]!.Type is not { } before || before == x.Type) return Follow(node, inputs);
            switch (node.Op)
            {
                case Reshape when inputs[1]!.Constant is not null:
                    inputs[1] = Copy.AddConstant(inputs[1]!.Name, Tensor.Vector(ReshapedSizes.Of(before, x.Type, node.Output.Type)));
                    return node.Op;
                case AveragePool pool when IsGlobal(pool.Window, before, node.Outputs[0].Type):
                    return new GlobalAveragePool();
                case MaxPool pool when node.Outputs.Count == 1 && IsGlobal(pool.Window, before, node.Outputs[0].Type):
                    return new GlobalMaxPool();
                default:
                    return Follow(node, inputs);
            }
        }

        // Sizes that are written down are those of some part of the image.
        private Op Follow(Node node, Value?[] inputs)
        {
            const int SizesOperand = 3;
            if (node.Op is not Resize resize || node.Input(SizesOperand)?.Constant is not { Length: > 0 } constant || node.Inputs[0]!.Type is not { Rank: 4 } before) return node.Op;
            var (sizes, changes) = (constant.ToInt64s().ToArray(), false);
            for (var i = 0; i < sizes.Length; i++)
            {
                var axis = resize.Axes.Count == 0 ? i : (resize.Axes[i] + before.Rank) % before.Rank;
                var (old, now, written) = (before[axis], inputs[0]!.Type[axis], sizes[i]);
                if (old != now) sizes[i] = Scaled(node, sizes[i], old, now);
                // From one pixel to a whole image, or a part of it.
                else if (axis >= 2 && old == 1 && sizes[i] > 1) sizes[i] = axis == 2 ? Scaled(node, sizes[i], from.Height, to.Height) : Scaled(node, sizes[i], from.Width, to.Width);
                changes |= sizes[i] != written;
            }
            if (changes) inputs[SizesOperand] = Copy.AddConstant(inputs[SizesOperand]!.Name, Tensor.Vector(sizes));
            return node.Op;
        }

        private static long Scaled(Node node, long size, Dim old, Dim now) =>
            old.IsFixed && now.IsFixed && size * now.Size % old.Size == 0 ? size * now.Size / old.Size
            : throw new PithException($"Resize '{node.Name}' makes {size} of {old}; what it should make of {now} is not a whole number.");

        private static bool IsGlobal(WindowAttributes window, TensorType x, TensorType y) =>
            window.KernelShape.Count == x.Rank - 2 && window.Pads.All(pad => pad == 0) && window.AutoPad is AutoPad.NotSet or AutoPad.Valid
            && Enumerable.Range(2, x.Rank - 2).All(axis => x[axis].IsFixed && x[axis] == window.KernelShape[axis - 2] && y[axis] == 1);
    }
}
