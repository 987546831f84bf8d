namespace Pith.Compression.Reconstruction;

/// <summary>Collects the moments of a layer from the values that two networks have at it.</summary>
internal static class LayerSamples
{
    private const int Chunk = 512;

    /// <summary>The moments of each convolution group: of the images that choices are made on, and of those held out.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">Its data in the changed network, batch by batch.</param>
    /// <param name="results">Its results in the reference.</param>
    /// <param name="samples">About how many samples to draw from all images together.</param>
    /// <param name="seed">Which ones.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public static (LayerMoments[] Fit, LayerMoments[] HeldOut) Collect(LinearLayer layer, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> results, int samples, int seed, int threads)
    {
        var images = inputs.Sum(batch => batch.Shape[0]);
        var perImage = layer.SamplesPerImage(inputs[0]);
        var places = Draw(images, perImage, Math.Clamp((samples + images - 1) / images, 1, perImage), seed);
        LayerMoments[] fit = new LayerMoments[layer.Groups], heldOut = new LayerMoments[layer.Groups];
        // Few groups have large matrices, whose products are worth several threads.
        var (outer, inner) = layer.Groups >= threads ? (threads, 1) : (1, threads);
        Parallel.For(0, layer.Groups, new ParallelOptions { MaxDegreeOfParallelism = outer }, group =>
        {
            fit[group] = new LayerMoments(layer.Rows, layer.Columns);
            heldOut[group] = new LayerMoments(layer.Rows, layer.Columns);
            foreach (var isHeldOut in (bool[])[false, true]) CollectGroup(layer, inputs, results, places, group, isHeldOut, isHeldOut ? heldOut[group] : fit[group], inner);
        });
        return (fit, heldOut);
    }

    private static void CollectGroup(LinearLayer layer, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> results, int[][] places, int group, bool isHeldOut, LayerMoments moments, int threads)
    {
        var capacity = Math.Max(Chunk, places[0].Length);
        var (x, y) = (new SampleMatrix(layer.Columns, capacity), new SampleMatrix(layer.Rows, capacity));
        var (first, images) = (0, places.Length);
        for (var batch = 0; batch < inputs.Count; first += inputs[batch++].Shape[0])
            for (var i = 0; i < inputs[batch].Shape[0]; i++)
            {
                if ((images > CalibrationImages.HeldOutEvery && CalibrationImages.IsHeldOut(first + i, images)) != isHeldOut) continue;
                if (x.Count + places[first + i].Length > capacity) Flush();
                layer.Gather(inputs[batch].As<float>(), i, places[first + i], group, x);
                layer.GatherResults(results[batch].As<float>(), i, places[first + i], group, y);
            }
        Flush();

        void Flush()
        {
            if (x.Count > 0) moments.Add(x, y, threads);
            (x.Count, y.Count) = (0, 0);
        }
    }

    /// <summary>Different places of each image, in ascending order.</summary>
    private static int[][] Draw(int images, int perImage, int count, int seed)
    {
        var places = new int[images][];
        for (var image = 0; image < images; image++)
        {
            var random = new Random(unchecked(seed * 1_000_003 + image));
            places[image] = [.. Enumerable.Range(0, perImage)];
            if (count == perImage) continue;
            for (var i = 0; i < count; i++)
            {
                var other = random.Next(i, perImage);
                (places[image][i], places[image][other]) = (places[image][other], places[image][i]);
            }
            Array.Resize(ref places[image], count);
            Array.Sort(places[image]);
        }
        return places;
    }
}
