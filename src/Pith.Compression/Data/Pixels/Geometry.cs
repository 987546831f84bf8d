namespace Pith.Compression.Data;

/// <summary>A rectangle of pixels.</summary>
internal readonly record struct CropWindow(int Left, int Top, int Width, int Height);

/// <summary>Where the pixels of a network's input lie: the size to resize to, and the window of that which is kept.</summary>
internal readonly record struct Geometry(int ResizedWidth, int ResizedHeight, CropWindow Crop)
{
    public static Geometry Of(Preprocessing preprocessing, int width, int height)
    {
        var (w, h) = preprocessing.ResizeTo is { } size ? (size.Width, size.Height) : preprocessing.ResizeShorterSide is { } side ? ResizedSize(width, height, side) : (width, height);
        return new Geometry(w, h, preprocessing.CenterCrop is { } crop ? Center(w, h, crop, preprocessing) : new CropWindow(0, 0, w, h));
    }

    /// <summary>torchvision's Resize: the longer side is truncated, not rounded.</summary>
    private static (int Width, int Height) ResizedSize(int width, int height, int side)
    {
        var longer = (int)((double)((long)side * Math.Max(width, height)) / Math.Min(width, height));
        return width <= height ? (side, longer) : (longer, side);
    }

    /// <summary>torchvision's CenterCrop: the margin is halved and rounded half to even, as Python's round does.</summary>
    private static CropWindow Center(int width, int height, PixelSize crop, Preprocessing preprocessing)
    {
        if (crop.Width > width || crop.Height > height)
            throw new PithException($"Centre crop {crop} does not fit an image of {width}x{height} pixels{(preprocessing.ResizeShorterSide is null && preprocessing.ResizeTo is null ? "; set a resize of the shorter side in the preprocessing" : "")}.");
        return new CropWindow((int)Math.Round((width - crop.Width) / 2.0), (int)Math.Round((height - crop.Height) / 2.0), crop.Width, crop.Height);
    }
}
