namespace Pith.Building;

/// <summary>
/// What kernels can address. From image to image they count bytes in 64 bits, inside an image in 32: rows, columns and taps are displacements in emitted code. Networks with larger images, padding or strides
/// are refused here, for all kernels at once.
/// </summary>
internal static class AddressLimits
{
    // Tiles of matrix products hold rows of several images.
    private const int MostTileRows = 32;

    /// <exception cref="PithException">A layer is too large; the message names it and its sizes.</exception>
    public static void Require(LoweredNetwork network)
    {
        var batch = network.Shapes.MaxBatch;
        foreach (var layer in network.Layers)
        {
            foreach (var slot in layer.Inputs.Concat(layer.Outputs).OfType<Slot>())
                if (slot.Shape.Elements(batch) is var elements && elements > Array.MaxLength)
                    throw TooLarge(layer, $"'{slot.Name}' has {elements} elements at batch {batch}, and {Array.MaxLength} are the most. Build it for a smaller batch or image.");
            if (layer is ContractionLayer { IsGemm: true } product) RequireRows(product, batch);
            else if (layer is ContractionLayer { Window: var window } conv) RequireWindow(layer, conv.Input, batch, window);
            else if (layer is PoolLayer { Window: var pooled } pool) RequireWindow(layer, pool.Input, batch, pooled);
        }
        // After the windows: a border that is too large is the fault of the layer that asks for the padding, not of the one that writes it.
        foreach (var layer in network.Layers)
            foreach (var slot in layer.Inputs.Concat(layer.Outputs).OfType<Slot>())
                if (slot.Shape.Rank == 4) RequireImage(layer, slot, batch, slot.Border.Top, slot.Border.Left, slot.Border.Bottom, slot.Border.Right);
    }

    private static void RequireImage(Layer layer, Slot slot, int batch, int top, int left, int bottom, int right)
    {
        var (channels, height, width) = (slot.Shape.Size(1, batch), slot.Shape.Size(2, batch), slot.Shape.Size(3, batch));
        var (rows, columns) = ((double)top + height + bottom, (double)left + width + right);
        if (rows * columns * PixelBytes(slot, channels) > int.MaxValue)
            throw TooLarge(layer, $"an image of '{slot.Name}', {channels} channels of {height}x{width} pixels with {top}, {left}, {bottom}, {right} pixels of padding, takes {rows * columns * PixelBytes(slot, channels):0} bytes, and {int.MaxValue} are the most. Use smaller images or padding.");
    }

    private static void RequireWindow(Layer layer, Slot input, int batch, Window window)
    {
        RequireImage(layer, input, batch, window.PadTop, window.PadLeft, window.PadBottom, window.PadRight);
        var pixel = PixelBytes(input, input.Shape.Size(1, batch));
        var row = pixel * ((double)window.PadLeft + input.Shape.Size(3, batch) + window.PadRight);
        var farthest = Math.Max(row * Math.Max(window.StrideHeight, window.DilationHeight), pixel * Math.Max(window.StrideWidth, window.DilationWidth));
        if (farthest > int.MaxValue) throw TooLarge(layer, $"its strides or dilations span {farthest:0} bytes of '{input.Name}', and {int.MaxValue} are the most.");
    }

    private static void RequireRows(ContractionLayer product, int batch)
    {
        var elements = Math.Max(product.Input.Shape[-1].At(batch), product.Output.Shape[-1].At(batch));
        if ((double)elements * sizeof(float) * MostTileRows > int.MaxValue) throw TooLarge(product, $"its matrices have rows of {elements} elements, and {int.MaxValue / sizeof(float) / MostTileRows} are the most.");
    }

    private static double PixelBytes(Slot slot, int channels) => slot.IsQuantized ? channels + 7.0 : (double)channels * slot.DataType.SizeInBytes();

    private static PithException TooLarge(Layer layer, string what) => new($"Layer '{layer.Name}' is too large for its kernels: {what}");
}
